"""The exercises of each page, solved; `course start` leaves the solutions out."""
