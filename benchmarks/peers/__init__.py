"""The same small job in other engines, beside andon with all of its detectors, on one topic and in one run."""
