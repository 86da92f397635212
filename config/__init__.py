"""Configuration: typed, complete or refused, every error at once.

settings      what a file may say; trigger_settings has the [[triggers]]
loader        reading one; shape, relations, scopes, urls and files check it, lines finds each key's line
errors        every error with file, line, key and remedy
credentials   secrets, by reference only
hashing       one hash over what actors must agree on; program is that of the code
sample.toml   a commented example
"""
