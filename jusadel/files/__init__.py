"""Results, devices and cases in files.

Imports all other rooms.
"""

from jusadel.files.case import CaseError, read_case
from jusadel.files.case_run import FailedPointWarning, run_case
from jusadel.files.case_units import PlainNumberWarning
from jusadel.files.saving import load, save
from jusadel.files.vtu import write_vtu

__all__ = [
    "CaseError",
    "FailedPointWarning",
    "PlainNumberWarning",
    "load",
    "read_case",
    "run_case",
    "save",
    "write_vtu",
]
