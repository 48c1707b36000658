"""The one door to Hydra: its override grammar and its defaults lists, nothing else of it.

Hydra says which files make up a config and in which order, and what a
command-line override means; reading and merging are ours. Its private modules
are imported here only, and importing this module is what costs: it is done
when a spec composes something.

Hydra's rule since 1.1 holds: a defaults list without ``_self_`` has it last,
so a spec's own body wins over the groups it names.
"""
