"""The kit's component resources, one per file, composed by `components.site`."""
