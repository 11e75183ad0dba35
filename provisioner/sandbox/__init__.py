"""The embedded control plane: our own strict event source mappings over moto for the rest of AWS (design section 9).

It plays AWS by `aws-behaviour.md` and knows nothing of the tool: it imports only `model`.
"""
