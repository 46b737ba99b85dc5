"""The report page of a run.

`facts` reads the metrics and tables and decides what they show; the templates hold every sentence
and choose among them by these facts; `page` renders them with the pictures into one file.
"""
