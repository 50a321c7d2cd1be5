"""The rules of the doctor, one file for each family of problems."""
