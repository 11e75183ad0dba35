"""The embedded control plane: our own strict event source mappings over moto for the rest of AWS
(docs/architecture.md#packages).

It follows docs/aws/ and imports only `model`, `errors` and the tables of `kinds`, so that it does not repeat mistakes of
the rest.
"""
