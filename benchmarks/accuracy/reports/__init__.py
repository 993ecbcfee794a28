"""What is printed: for each corpus its contenders, their figures, and what to keep in mind with them."""
