"""Evaluation: how links and scores compare with the truth, in a city that was made up. Nothing else reads the truth."""
