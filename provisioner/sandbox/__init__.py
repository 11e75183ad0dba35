"""The embedded control plane: our own strict event source mappings over moto for the rest of AWS (docs/architecture.md#packages).

It plays AWS by docs/aws/ and knows nothing of the tool: it imports only `model`.
"""
