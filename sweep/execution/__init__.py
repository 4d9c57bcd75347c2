"""How trials run: in this process or on Ray, with one coordinator that knows who makes which result."""
