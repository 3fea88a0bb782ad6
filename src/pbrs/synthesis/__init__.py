"""Synthetic pelvic radiographs with exact masks: a shape model of the bones, projected and exposed."""
