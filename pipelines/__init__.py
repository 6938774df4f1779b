"""The steps of a pipeline, for any forge and for none: each is `python -m pipelines STEP`, and can be run by hand."""
