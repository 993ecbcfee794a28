"""What andon measures itself against."""
