"""The language scales: files, environments, instances and modules, from plain data to plain data.

What comes out is a spec as if it had been written block by block; where each
block was really written is kept beside it.
"""
