"""The configuration: read and checked, what of it can change a result, and the names that people see."""
