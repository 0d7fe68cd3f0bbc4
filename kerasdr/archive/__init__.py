"""What a job says of its photographs, as a hospital's systems take it: DICOM for the archive, FHIR for the record."""

FHIR_BEGINS = (
    b'{\n "resourceType": "Bundle",\n "meta": {"tag": [{"system": "urn:oid:2.25.103791826174138628780896677866618409775", '
    b'"code": "kerasdr"}]},\n "type": "collection"'
)
"""How a file of a FHIR bundle begins, and nobody else's."""
