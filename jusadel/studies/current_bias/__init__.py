"""Currents that are given, and the largest that flow: searches over the phases of electrodes and seams."""
