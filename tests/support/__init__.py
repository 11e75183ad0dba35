"""What tests share: a control plane in this process, the command in a folder, the workflows in this process, and
clocks.
"""
