"""The same mathematics as the package's, written by hand for one model and one backend each."""
