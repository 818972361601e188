"""The course of notes/: its exercises, their checkers and solutions, and `tiny`, the library that its pages build."""
