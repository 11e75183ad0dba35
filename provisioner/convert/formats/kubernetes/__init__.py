"""Objects of Kubernetes: ACK, Crossplane, kro and kustomizations."""
