"""One trial: its task prepares the networks that it needs, and answers one instance after the other."""
