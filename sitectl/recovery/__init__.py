"""What `sitectl recover` and `sitectl destroy` do to a stack: read its state, look at the servers, mend the state."""
