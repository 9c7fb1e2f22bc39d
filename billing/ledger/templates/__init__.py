"""One posting template a business fact: the only place that knows which accounts a fact touches.

Each carries a natural key (`invoice_issued:inv_...`), so booking the same fact again is recognised and books nothing. Amounts given are
positive where a sign would be a mistake. One file a family of facts.
"""
