"""What the programs print, and where: streams, the progress of a sweep, numbers in sentences."""
