"""Ansible: playbooks, task files and roles."""
