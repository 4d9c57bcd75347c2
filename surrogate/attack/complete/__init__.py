"""Complete attacks without a MILP solver: branch and bound on the dense network, restrictions of it, a portfolio of both."""
