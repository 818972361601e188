"""The exercises of each page, solved. `course start` leaves solutions out."""
