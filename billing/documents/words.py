"""The words of a document, in every language it can be written in: one complete table, with names in braces for what is filled in."""

from __future__ import annotations

from typing import Final

from billing.documents.page import LANGUAGES

_ORDER: Final = LANGUAGES
# in the order of LANGUAGES: English, German, French
_TABLE: Final[dict[str, tuple[str, str, str]]] = {
    "invoice": ("Invoice", "Rechnung", "Facture"),
    "credit_note": ("Credit note", "Gutschrift zur Rechnung", "Avoir"),
    "draft": ("Draft", "Entwurf", "Brouillon"),
    "void": ("Void", "Storniert", "Annulée"),
    "number": ("Number", "Nummer", "Numéro"),
    "issued_on": ("Date of issue", "Ausstellungsdatum", "Date d’émission"),
    "due_on": ("Due", "Fällig am", "Échéance"),
    "span": ("Service period", "Leistungszeitraum", "Période de service"),
    "preceding": ("Corrects invoice", "Zur Rechnung", "Rectifie la facture"),
    "preceding_of": ("{number} of {day}", "{number} vom {day}", "{number} du {day}"),
    "seller": ("From", "Von", "De"),
    "buyer": ("Bill to", "Rechnung an", "Facturé à"),
    "vat_id": ("VAT ID", "USt-IdNr.", "N° TVA"),
    "registration": ("Reg. no.", "Register-Nr.", "N° d’immatriculation"),
    "due_by": ("{amount} due by {day}", "{amount} zahlbar bis {day}", "{amount} à payer avant le {day}"),
    "due_now": ("{amount} due", "{amount} zahlbar", "{amount} à payer"),
    "nothing_due": ("Nothing to pay", "Nichts zu zahlen", "Rien à payer"),
    "credited": ("{amount} credited to you", "{amount} zu Ihren Gunsten", "{amount} en votre faveur"),
    "on_receipt": ("Payable on receipt.", "Zahlbar sofort nach Erhalt.", "Payable à réception."),
    "paid_on": ("Paid on {day}", "Bezahlt am {day}", "Payée le {day}"),
    "voided": (
        "This invoice was cancelled; nothing is to be paid.",
        "Diese Rechnung wurde storniert; es ist nichts zu zahlen.",
        "Cette facture a été annulée ; rien n’est à payer.",
    ),
    "drafted": (
        "A preview, not an invoice: lines and amounts may still change.",
        "Eine Vorschau, keine Rechnung: Positionen und Beträge können sich noch ändern.",
        "Un aperçu, non une facture : lignes et montants peuvent encore changer.",
    ),
    "description": ("Description", "Beschreibung", "Description"),
    "quantity": ("Qty", "Menge", "Qté"),
    "unit_price": ("Unit price", "Einzelpreis", "Prix unitaire"),
    "tax_column": ("VAT", "USt.", "TVA"),
    "amount": ("Amount", "Betrag", "Montant"),
    "subtotal": ("Subtotal", "Zwischensumme", "Sous-total"),
    "net": ("Total without VAT", "Nettobetrag", "Total hors TVA"),
    "tax": ("VAT {percent} on {base}", "USt. {percent} auf {base}", "TVA {percent} sur {base}"),
    "tax_named": ("{name} {percent} on {base}", "{name} {percent} auf {base}", "{name} {percent} sur {base}"),
    "tax_within": (
        "of which VAT {percent} on {base}",
        "darin USt. {percent} auf {base}",
        "dont TVA {percent} sur {base}",
    ),
    "total": ("Total", "Gesamtbetrag", "Total"),
    "credit": ("Account credit applied", "Guthaben verrechnet", "Crédit de compte imputé"),
    "carried": ("Carried to your account", "Ihrem Konto gutgeschrieben", "Porté au crédit de votre compte"),
    "prepaid": ("Prepaid credits", "Vorausbezahltes Guthaben", "Crédits prépayés"),
    "credit_notes": ("Credit notes", "Gutschriften", "Avoirs"),
    "payments": ("Paid", "Bezahlt", "Payé"),
    "amount_due": ("Amount due", "Zu zahlen", "Montant à payer"),
    "amount_credited": ("Total credited", "Gutschriftsbetrag", "Montant de l’avoir"),
    "pay_by_transfer": ("Pay by bank transfer", "Zahlung per Überweisung", "Paiement par virement"),
    "holder": ("Account holder", "Kontoinhaber", "Titulaire du compte"),
    "reference": ("Reference", "Verwendungszweck", "Référence"),
    "page": ("Page {page} of {pages}", "Seite {page} von {pages}", "Page {page} sur {pages}"),
    "continued": ("continued", "Fortsetzung", "suite"),
    "reverse_charge": (
        "Reverse charge: VAT is accounted for by the recipient (Article 196 of Directive 2006/112/EC).",
        "Steuerschuldnerschaft des Leistungsempfängers (Artikel 196 der Richtlinie 2006/112/EG).",
        "Autoliquidation : la TVA est due par le preneur (article 196 de la directive 2006/112/CE).",
    ),
    "export": (
        "Not taxed: supplied to a customer outside the European Union.",
        "Nicht steuerbar: Leistung an einen Empfänger außerhalb der Europäischen Union.",
        "Non taxé : prestation à un client établi hors de l’Union européenne.",
    ),
    "exempt": ("Exempt from VAT.", "Umsatzsteuerfrei.", "Exonéré de TVA."),
    "outside": ("Not subject to VAT.", "Nicht umsatzsteuerbar.", "Hors du champ d’application de la TVA."),
}


def word(key: str, language: str, **filled: str) -> str:
    """The word of a key in a language, English where the language is not known, with its blanks filled in.

    >>> word("due_by", "de", amount="12,00 €", day="14.02.2026")
    '12,00 € zahlbar bis 14.02.2026'
    """
    column = _ORDER.index(language) if language in _ORDER else 0
    return _TABLE[key][column].format(**filled)


def keys() -> frozenset[str]:
    """Every key of the table."""
    return frozenset(_TABLE)
