"""The parts that every page has: frame, photo picker, tabs, links, misconceptions."""
