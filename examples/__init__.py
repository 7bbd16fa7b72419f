"""Programs written with the package; in the root: python -m examples.spiral"""
