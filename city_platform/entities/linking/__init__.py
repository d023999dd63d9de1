"""Linking: which observations are about one entity, by a model of how much each agreement weighs."""
