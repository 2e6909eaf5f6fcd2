"""The rules of telling people: no Flask, no pymongo, no kafka, no clock of its own."""
