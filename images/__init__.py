"""What the kit builds images of."""
