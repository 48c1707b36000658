"""What rules and conditions say of a column, as sets of values that can be held together."""
