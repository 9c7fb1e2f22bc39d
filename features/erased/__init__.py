"""Who was erased: the list that features, training sets and readers of files leave out."""
