"""From scores and alarms to figures; each proves itself by figures that others published."""
