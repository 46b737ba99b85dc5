"""The public functions of `import noisylab`, which take plain arguments of any array type."""
