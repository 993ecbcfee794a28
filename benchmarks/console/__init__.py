"""How the operators' page holds out: many alarms, many changes, many screens."""
