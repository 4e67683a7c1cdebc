"""Doom levels: many engines of one process, stepped by a thread pool.

`scenarios` lists them, `wad` makes the variants of My Way Home from the file that the vizdoom package
ships, `engine` is one Doom process that cannot outlive its trainer, `vector` steps many of them, and
`floorplan` knows cells, rooms and walls.
"""
