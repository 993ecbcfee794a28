"""What is measured: andon, and what it must be better than."""
