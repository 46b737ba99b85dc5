"""The page that tells the story of a run: its figures read, its sentences chosen, written as HTML.

`reading` takes the figures from the files of the other stages, `story` turns them into sections,
`page` puts those, with their pictures, into one file. No sentence is fixed that another run would
make untrue: each is chosen by the figures.
"""
