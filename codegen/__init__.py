"""Writes the models and their reference from the schemas: ``python -m codegen``. Not part of the package."""
