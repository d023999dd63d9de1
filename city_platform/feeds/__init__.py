"""Step 1: what agencies send becomes raw text, then typed staging rows, with every reject kept."""
