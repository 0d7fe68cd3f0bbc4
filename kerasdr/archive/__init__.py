"""What a job says of its photographs, as a hospital's systems take it: DICOM for the archive, FHIR for the record."""

FHIR_BEGINS = b'{\n "resourceType": "Bundle",\n "type": "collection"'
"""How a file of a FHIR bundle begins."""
