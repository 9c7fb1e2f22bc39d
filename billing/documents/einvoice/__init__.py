"""The e-invoice: a document in the terms of EN 16931 (`terms`), what it needs to be one (`requirements`), and the file (`factur_x`)."""
