run 1
