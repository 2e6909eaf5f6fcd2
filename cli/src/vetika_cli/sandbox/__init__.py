"""The outside world of an embedded run: a mail server and a telephone company that can be looked at.

Both are real servers. The services speak to them as they speak to the true ones (SMTP; the Messages call of
Twilio's API), and what arrived is only looked at through their own pages and JSON.
"""
