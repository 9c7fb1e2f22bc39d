"""Invoices and credit notes as documents: what a person reads (PDF/A-3) and what a bookkeeping system reads (Factur-X, EN 16931)."""
