"""What the members solve: the user's model as linear and mixed-integer programmes, with networks stated, fixed or relaxed."""
